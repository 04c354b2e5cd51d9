export class TaskSignals {}
