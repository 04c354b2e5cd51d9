export class FdTable {}
