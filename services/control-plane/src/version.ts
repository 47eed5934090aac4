/** The version of Weft that this control plane is. */
export const version = '0.1.0';
