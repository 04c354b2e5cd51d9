export class SharedSignals {}
