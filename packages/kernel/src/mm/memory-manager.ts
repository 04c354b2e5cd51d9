export class MemoryManager {}
