/** Two agents, small: one that runs, one that stands idle. */
export const TWO = `
defaults:
  limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
agents:
  one:
    command: [sh, -c, "while :; do sleep 1; done"]
  two: {}
`;

export const ONE = `
agents:
  one:
    command: [sh, -c, "while :; do sleep 1; done"]
    limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
`;
