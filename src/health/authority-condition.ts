import { type AuthorityObserver } from '../cells-authority/index.js';

/** The condition of what the service depends on, as last seen. Probes cause no requests. */
export class AuthorityCondition {
  #circuit: 'closed' | 'half_open' | 'open' = 'closed';
  #redis: 'available' | 'unavailable' | 'not_used';

  constructor(usesRedis: boolean) {
    this.#redis = usesRedis ? 'unavailable' : 'not_used';
  }

  readonly observe: AuthorityObserver = (event) => {
    if (event.type === 'circuit') this.#circuit = event.state;
    else if (event.type === 'shared_store') this.#redis = isTrouble(event.outcome) ? 'unavailable' : 'available';
  };

  /** The circuit to the authorization server. */
  get circuit(): 'closed' | 'half_open' | 'open' {
    return this.#circuit;
  }

  get redis(): 'available' | 'unavailable' | 'not_used' {
    return this.#redis;
  }
}

function isTrouble(outcome: string): boolean {
  return outcome === 'unavailable' || outcome === 'bypassed' || outcome === 'no_answer';
}
