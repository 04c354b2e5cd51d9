export class FsContext {}
