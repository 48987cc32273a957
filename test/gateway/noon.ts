const west = new Date().getUTCHours() - 12;

/** For `TZ`: where it is about noon as this begins. What is used is counted by the machine's own day, and no test is to see one end. */
export const NOON: string = `NOON${west < 0 ? west : `+${west}`}`;
