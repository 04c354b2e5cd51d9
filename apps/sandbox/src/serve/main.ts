/** What sbx-launch runs for a client of the library. */
import { serve } from './serve.js';

serve();
