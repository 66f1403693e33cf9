import { closeLeftovers } from './leftovers.js';

afterAll(closeLeftovers);
