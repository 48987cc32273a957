/** No account has it: the drill's targets and positive controls run under it, and only root can start something that does. */
export const SPARE_UID = 64_990;
