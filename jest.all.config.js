import { everything } from './jest.config.js';

process.env.TEST_DOSE = 'full';

export default everything;
