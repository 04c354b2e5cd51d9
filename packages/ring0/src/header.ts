/** One `#define` of a generated header. */
export type Definition = readonly [name: string, value: number];
/** A title and its definitions. */
export type Section = readonly [title: string, definitions: readonly Definition[]];
