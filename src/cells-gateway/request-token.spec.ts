import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { type CellsAuthorityService, type TokenSession, type TokenSessions } from '../cells-authority/index.js';
import { RequestToken } from './request-token.js';

/** A session whose answers the test chooses. */
class Scene {
  session: TokenSession | undefined;
  later = false;
  good: string | Promise<string | undefined> = 'own';
  another: string | undefined = 'another';
  replacements: string[] = [];
  known: string[] = [];
  readonly reports: string[] = [];
  readonly asked: (string | undefined)[] = [];
  readonly token = new RequestToken('own', new IncomingMessage(new Socket()), {
    authority: { invalidate: (token: string) => this.known.includes(token) } as unknown as CellsAuthorityService,
    sessions: { find: () => (this.later ? Promise.resolve(this.session) : this.session) } as unknown as TokenSessions,
    clientAddress: () => '192.0.2.1',
    report: (action) => this.reports.push(action),
  });

  inSession(): this {
    this.session = {
      token: (address) => {
        this.asked.push(address());
        return this.good;
      },
      isReplacement: (token) => this.replacements.includes(token),
      tokenInsteadOf: (refused, address) => {
        this.asked.push(refused, address);
        return Promise.resolve(this.another);
      },
    };
    return this;
  }
}

describe('RequestToken', () => {
  it('is the client’s own without a session, known at once', () => {
    const scene = new Scene();
    expect(scene.token.choose()).toBeUndefined();
    expect([scene.token.replacement, scene.token.inSession, scene.reports]).toEqual([undefined, false, ['passed']]);
  });

  it('is the client’s own in a session while it is good', () => {
    const scene = new Scene().inSession();
    expect(scene.token.choose()).toBeUndefined();
    expect([scene.token.replacement, scene.token.inSession, scene.reports]).toEqual([undefined, true, ['passed']]);
    expect(scene.asked).toEqual(['192.0.2.1']);
  });

  it.each([false, true])('is a good one of the pair otherwise (session found later: %p)', async (later) => {
    const scene = new Scene().inSession();
    scene.later = later;
    scene.good = Promise.resolve('good');
    await scene.token.choose();
    expect([scene.token.replacement, scene.token.inSession, scene.reports]).toEqual(['good', true, ['renewed']]);
  });

  it('is the client’s own, without a session, when no good one can be had', async () => {
    const scene = new Scene().inSession();
    scene.good = Promise.resolve(undefined);
    await scene.token.choose();
    expect([scene.token.replacement, scene.token.inSession, scene.reports]).toEqual([undefined, false, ['passed']]);
    expect(scene.token.refused(true)).toBeUndefined();
  });

  it('is replaced once after a 401', async () => {
    const scene = new Scene().inSession();
    scene.known = ['own'];
    await scene.token.choose();
    expect(await scene.token.refused(true)).toBe(true);
    expect([scene.token.replacement, scene.reports]).toEqual(['another', ['passed', 'dropped', 'repeated']]);
    expect(scene.asked.slice(1)).toEqual(['own', '192.0.2.1']);
    expect(scene.token.refused(true)).toBeUndefined();
  });

  it('is not replaced when there is no other one', async () => {
    const scene = new Scene().inSession();
    scene.another = undefined;
    await scene.token.choose();
    expect(await scene.token.refused(true)).toBe(false);
    expect([scene.token.replacement, scene.reports]).toEqual([undefined, ['passed']]);
  });

  it('is not replaced when the request cannot be repeated, nor outside of a session', async () => {
    const scene = new Scene().inSession();
    await scene.token.choose();
    expect(scene.token.refused(false)).toBeUndefined();
    expect(scene.reports).toEqual(['passed', 'not_repeatable']);
    const outside = new Scene();
    outside.known = ['own'];
    await outside.token.choose();
    expect(outside.token.refused(true)).toBeUndefined();
    expect(outside.reports).toEqual(['passed', 'dropped']);
  });

  it('is not the problem when it has just replaced another one: then nothing is dropped', async () => {
    const scene = new Scene().inSession();
    scene.good = 'good';
    scene.known = ['good'];
    scene.replacements = ['good'];
    await scene.token.choose();
    expect(scene.token.refused(true)).toBeUndefined();
    expect(scene.reports).toEqual(['renewed']);
  });
});
