/** What sbx-launch runs for a client of the library. */
import { serve } from '@sbx/sandbox/sentry';

serve();
