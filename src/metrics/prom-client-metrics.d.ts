/** prom-client's process metrics one by one; its types only have them together. */
declare module 'prom-client/lib/metrics/*.js' {
  import { type Registry } from 'prom-client';
  const register: (registry: Registry) => void;
  export default register;
}
