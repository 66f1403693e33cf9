/** Each of prom-client's process metrics, which its types tell of only together. */
declare module 'prom-client/lib/metrics/*.js' {
  import { type Registry } from 'prom-client';
  const register: (registry: Registry) => void;
  export default register;
}
