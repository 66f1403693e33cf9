import { type Agent } from 'node:http';

const masks = new WeakMap<Agent, Agent>();

/**
 * An agent's sockets lead to the requests they carry, and TLS sockets keep the headers of the request that opened them.
 * This proxy works like the agent but prints as an empty object, because inspection and serialisation look at a proxy's
 * target.
 */
export function agentWithoutSockets(agent: Agent): Agent {
  const known = masks.get(agent);
  if (known !== undefined) return known;
  const mask = new Proxy(Object.create(Object.getPrototypeOf(agent) as object) as Agent, {
    get: (_target, name) => {
      const member: unknown = Reflect.get(agent, name);
      return typeof member === 'function' ? (member.bind(agent) as unknown) : member;
    },
    set: (_target, name, value) => Reflect.set(agent, name, value),
  });
  masks.set(agent, mask);
  masks.set(mask, mask);
  return mask;
}
