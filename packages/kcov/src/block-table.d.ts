/** PCs are in the range of Linux's kernel text, on which tools that read them insist: the upper half is this, the lower one counts up from PC_BASE. */
export declare const PC_HIGH = 4294967295;
export declare const PC_BASE = 2147483648;
/** Numbers that describe a block in a file's table: first line and column, last line and column (lines from 1, columns from 0, the end exclusive). */
export declare const BLOCK_FIELDS = 4;
/** An instrumented file: its name and the table of its basic blocks, BLOCK_FIELDS numbers each. */
export interface InstrumentedFile {
    readonly name: string;
    readonly blocks: readonly number[];
    /** Its text, where somebody wants to show it. */
    readonly source?: string;
}
/** Where a basic block is. Lines count from 1, columns from 0; the end is exclusive. */
export interface SourceLocation {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly endLine: number;
    readonly endColumn: number;
}
/** A file of a `BlockTable`. */
export interface TableFile extends InstrumentedFile {
    /** Number of its first block in the table. */
    readonly first: number;
    /** How many blocks it has. */
    readonly count: number;
}
/**
 * The blocks of a build, numbered: files sorted by name, blocks in their order. The PC of block `i` is 0xffffffff80000000 + i, so PCs are stable for one
 * build and mean nothing in another.
 */
export declare class BlockTable {
    readonly files: readonly TableFile[];
    /** Blocks of all files. */
    readonly size: number;
    constructor(files: Iterable<InstrumentedFile>);
    /** The number of a PC's block, or -1 for what is no PC of this table. */
    indexOf(pc: bigint): number;
    /** The PC of block `index`. */
    pcOf(index: number): bigint;
    /** The file that has block `index`. */
    fileOf(index: number): TableFile;
    /** Where the block of a PC is, or null for what is no PC of this table. */
    locate(pc: bigint): SourceLocation | null;
}
/** Where block `index` of the table is, which is one of `file`. */
export declare function locationIn(file: TableFile, index: number): SourceLocation;
