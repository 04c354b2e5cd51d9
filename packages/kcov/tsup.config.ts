import { library } from '../../tsup.shared.js';

export default library({
  index: 'src/index.ts',
  'instrument/index': 'src/instrument/index.ts',
  'report/index': 'src/report/index.ts',
});
