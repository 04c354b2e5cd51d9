import type * as t from '@babel/types';

/** Where a counter goes into the text, so that it counts each time that the block is entered. */
export type Placement =
  /** Before a statement of a list. */
  | { readonly kind: 'statement'; readonly at: number }
  /** Into a statement that stands alone (`if (a) b;`): it becomes a list. */
  | { readonly kind: 'body'; readonly at: number; readonly end: number }
  /** Into a list that is empty. */
  | { readonly kind: 'empty'; readonly at: number }
  /** Into an expression: a branch of `?:`, the right side of `&&`, the body of an arrow function. */
  | { readonly kind: 'expression'; readonly at: number; readonly end: number };

/** A basic block: code that runs from its beginning to its end, unless something throws. Offsets in the text; the end is exclusive. */
export interface Block {
  readonly start: number;
  end: number;
  readonly placement: Placement;
}

/** Fields of a syntax tree that hold no code. */
const NOT_CODE = new Set([
  'loc',
  'extra',
  'leadingComments',
  'trailingComments',
  'innerComments',
  'typeAnnotation',
  'returnType',
  'typeParameters',
  'typeArguments',
  'superTypeParameters',
  'implements',
]);

/** Nodes of TypeScript that hold code; all others are types. */
const TYPESCRIPT_WITH_CODE = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
  'TSParameterProperty',
  'TSExportAssignment',
]);

/** Statements after which a new block begins, because control may come from elsewhere, or never comes. */
const ENDS_BLOCK = new Set([
  'IfStatement',
  'SwitchStatement',
  'TryStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
  'LabeledStatement',
  'BlockStatement',
  'ReturnStatement',
  'ThrowStatement',
  'BreakStatement',
  'ContinueStatement',
]);

/** Statements that do nothing where they stand. */
const DECLARES_ONLY = new Set(['FunctionDeclaration', 'ClassDeclaration', 'ImportDeclaration', 'EmptyStatement']);

type Range = { start: number; end: number };
const range = (node: t.Node): Range => ({ start: node.start!, end: node.end! });

/**
 * The basic blocks of the functions of a program, outer ones before those inside them. What runs when a module is loaded is none: nobody's system call reaches
 * it. A branch of a conditional expression and the right side of a logical one are blocks of their own.
 */
export function findBlocks(program: t.Program): Block[] {
  const finder = new BlockFinder();
  finder.visit(program);
  return finder.blocks;
}

class BlockFinder {
  readonly blocks: Block[] = [];
  /** Inside a function. */
  #inFunction = false;

  #add({ start, end }: Range, placement: Placement): Block {
    const block = { start, end, placement };
    this.blocks.push(block);
    return block;
  }

  visit(node: t.Node): void {
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ObjectMethod':
      case 'ClassMethod':
      case 'ClassPrivateMethod':
      case 'ArrowFunctionExpression':
        this.#function(node);
        break;
      case 'StaticBlock':
        this.#inside(() => this.#list(node.body, node));
        break;
      case 'BlockStatement':
        if (this.#inFunction) this.#list(node.body, node);
        else this.#children(node);
        break;
      case 'IfStatement':
        this.visit(node.test);
        this.#body(node.consequent);
        if (node.alternate) this.#body(node.alternate);
        break;
      case 'ForStatement':
        for (const part of [node.init, node.test, node.update]) if (part) this.visit(part);
        this.#body(node.body);
        break;
      case 'ForInStatement':
      case 'ForOfStatement':
        this.visit(node.left);
        this.visit(node.right);
        this.#body(node.body);
        break;
      case 'WhileStatement':
        this.visit(node.test);
        this.#body(node.body);
        break;
      case 'DoWhileStatement':
        this.#body(node.body);
        this.visit(node.test);
        break;
      case 'SwitchCase':
        if (node.test) this.visit(node.test);
        if (this.#inFunction) this.#statements(node.consequent);
        else for (const statement of node.consequent) this.visit(statement);
        break;
      case 'ConditionalExpression':
        this.visit(node.test);
        this.#expression(node.consequent);
        this.#expression(node.alternate);
        break;
      case 'LogicalExpression':
        this.visit(node.left);
        this.#expression(node.right);
        break;
      case 'AssignmentExpression':
        this.visit(node.left);
        if (['&&=', '||=', '??='].includes(node.operator)) this.#expression(node.right);
        else this.visit(node.right);
        break;
      default:
        if (!node.type.startsWith('TS') || TYPESCRIPT_WITH_CODE.has(node.type)) this.#children(node);
    }
  }

  #children(node: t.Node): void {
    for (const [key, value] of Object.entries(node)) {
      if (NOT_CODE.has(key)) continue;
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) this.visit(child);
    }
  }

  #inside(act: () => void): void {
    const before = this.#inFunction;
    this.#inFunction = true;
    act();
    this.#inFunction = before;
  }

  #function(node: t.Function): void {
    if ('key' in node && 'computed' in node && node.computed) this.visit(node.key as t.Node);
    this.#inside(() => {
      for (const parameter of node.params) this.visit(parameter);
      const { body } = node;
      // An overload, or an abstract method.
      if (!body) return;
      if (body.type === 'BlockStatement') this.#list(body.body, body);
      else this.#expression(body);
    });
  }

  /** The statements between braces. */
  #list(statements: readonly t.Statement[], braces: t.Node): void {
    if (statements.length > 0) this.#statements(statements);
    // An empty function still has something to reach.
    else this.#add(range(braces), { kind: 'empty', at: braces.end! - 1 });
  }

  #statements(statements: readonly t.Statement[]): void {
    let block: Block | null = null;
    for (const statement of statements) {
      if (DECLARES_ONLY.has(statement.type) || statement.type.startsWith('TS')) {
        this.visit(statement);
        continue;
      }
      const { start } = range(statement);
      block ??= this.#add(range(statement), { kind: 'statement', at: start });
      block.end = headEnd(statement);
      this.visit(statement);
      if (ENDS_BLOCK.has(statement.type) || pauses(statement)) block = null;
    }
  }

  /** The body of an `if` or a loop. */
  #body(body: t.Statement): void {
    if (this.#inFunction && body.type !== 'BlockStatement') {
      const { start, end } = range(body);
      this.#add({ start, end: headEnd(body) }, { kind: 'body', at: start, end });
    }
    this.visit(body);
  }

  #expression(node: t.Expression): void {
    if (this.#inFunction) this.#add(range(node), { kind: 'expression', at: node.start!, end: node.end! });
    this.visit(node);
  }
}

/** Where the part of a statement ends that runs as soon as it is reached: before the bodies of an `if` or a loop. */
function headEnd(statement: t.Statement): number {
  switch (statement.type) {
    case 'IfStatement':
      return statement.consequent.start!;
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'LabeledStatement':
      return statement.body.start!;
    case 'DoWhileStatement':
      return statement.body.start!;
    case 'SwitchStatement':
      return statement.discriminant.end! + 1;
    case 'TryStatement':
      return statement.block.start!;
    case 'BlockStatement':
      return statement.start! + 1;
    default:
      return statement.end!;
  }
}

/** Whether a statement waits in the middle: it may never go on. */
function pauses(node: t.Node): boolean {
  if (node.type === 'YieldExpression' || node.type === 'AwaitExpression') return true;
  if (/Function|Method|^Class/.test(node.type)) return false;
  return Object.entries(node).some(
    ([key, value]) => !NOT_CODE.has(key) && (Array.isArray(value) ? value : [value]).some((child) => isNode(child) && pauses(child)),
  );
}

function isNode(value: unknown): value is t.Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}
