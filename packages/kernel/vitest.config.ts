import { platformProject } from '../../vitest.shared.js';

export default platformProject('@sbx/kernel', 'kvm');
