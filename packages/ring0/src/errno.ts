/** The errors that ring 0's operations give, as Linux numbers them. */
export const ENOMEM = 12;
