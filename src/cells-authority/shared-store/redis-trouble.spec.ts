import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Handshakes, redisTroubleOf } from './redis-trouble.js';

const reply = (message: string) => ({ name: 'ReplyError', message });

describe('redisTroubleOf', () => {
  it.each<[string, unknown, string | undefined]>([
    ['a missing password', reply('NOAUTH Authentication required.'), 'password'],
    ['a wrong password', reply('WRONGPASS invalid username-password pair'), 'password'],
    ['a wrong password, as old versions say it', reply('ERR invalid password'), 'password'],
    ['a missing permission', reply('NOPERM this user has no permissions'), 'permission'],
    ['a database that is not there', reply('ERR DB index is out of range'), 'database'],
    ['a database that is no number', reply('ERR invalid DB index'), 'database'],
    ['a Redis that is loading', reply('LOADING Redis is loading the dataset in memory'), 'no_answer'],
    ['a replica without its master', reply('MASTERDOWN Link with MASTER is down'), 'no_answer'],
    ['a Cluster that is down', reply('CLUSTERDOWN The cluster is down'), 'no_answer'],
    ['another reply', reply('ERR unknown command'), undefined],
    ['a word that only begins like one', reply('NOAUTHENTICATION'), undefined],
    ['a word in the middle', reply('ERR NOPERM'), undefined],
    ['the same words from somewhere else', new Error('NOAUTH'), undefined],
    ['an answer that is not Redis’', { name: 'ParserError' }, 'tls_failed'],
    ['a missing client certificate', { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, 'hung_up'],
    ['a bad client certificate', { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' }, 'hung_up'],
    ['an unknown authority of the client', { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }, 'hung_up'],
    ['an alert that names a certificate in passing', { code: 'ERR_SSL_ALERT_UNKNOWN_CA_X' }, 'tls_failed'],
    ['an expired certificate', { code: 'CERT_HAS_EXPIRED' }, 'certificate_expired'],
    ['the error of a Cluster’s last node', { lastNodeError: reply('NOAUTH') }, 'password'],
    ['a lost connection', { code: 'ECONNRESET' }, undefined],
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['a text', 'NOAUTH', undefined],
  ])('reads %s', (_name, error, trouble) => {
    expect(redisTroubleOf(error)).toBe(trouble);
  });
});

describe('Handshakes', () => {
  it('knows that a handshake is stuck between the connection and its end', () => {
    const handshakes = new Handshakes();
    const socket = new TLSSocket(new Socket());
    handshakes.watch(socket);
    const states = [handshakes.stuck];
    for (const event of ['connect', 'secureConnect']) {
      socket.emit(event);
      states.push(handshakes.stuck);
    }
    expect(states).toEqual([false, true, false]);
    socket.emit('connect');
    expect(handshakes.stuck).toBe(false);
  });

  it('begins anew with the next socket, and knows of none without TLS', () => {
    const handshakes = new Handshakes();
    const [stuck, plain] = [new TLSSocket(new Socket()), new Socket()];
    handshakes.watch(stuck);
    stuck.emit('connect');
    handshakes.watch(plain);
    expect(handshakes.stuck).toBe(false);
    plain.emit('connect');
    expect(handshakes.stuck).toBe(false);
  });
});
