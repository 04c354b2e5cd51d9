import { library } from '../../tsup.shared.js';

export default library({ index: 'src/index.ts', instrument: 'src/instrument.ts', report: 'src/report.ts' });
