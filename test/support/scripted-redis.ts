import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type ServerCertificate } from './certificate-authority.js';
import { closedAtTheEnd } from './leftovers.js';

/** A whole reply in Redis' protocol; `undefined` for the right one; anything else may be written to the socket. */
export type Script = (words: readonly string[], socket: Socket) => string | undefined;

/** A Redis that has nothing and keeps nothing, and answers what the test wants instead, right or wrong. */
export class ScriptedRedis {
  /** Commands in the order in which they came. */
  readonly commands: string[][] = [];
  /** How many connections were accepted. */
  connections = 0;
  script: Script = () => undefined;
  readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly secure: boolean,
  ) {
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      const read = commandReader();
      socket.on('data', (bytes: Buffer) => {
        for (const words of read(bytes)) {
          this.commands.push(words);
          const reply = this.script(words, socket) ?? rightReply(words);
          if (socket.writable) socket.write(reply);
        }
      });
    });
  }

  /** @param certificate for TLS; opens no plain port. */
  static async start(script?: Script, certificate?: ServerCertificate): Promise<ScriptedRedis> {
    const server = certificate === undefined ? createServer() : createTlsServer(certificate);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const redis = new ScriptedRedis(server, certificate !== undefined);
    if (script !== undefined) redis.script = script;
    return closedAtTheEnd(redis);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.secure ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
  }

  /** Says something that nobody asked for, on all connections. */
  say(bytes: string): void {
    for (const socket of this.sockets) socket.write(bytes);
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

function rightReply([name = '', second = '']: readonly string[]): string {
  switch (name.toUpperCase()) {
    case 'HELLO':
      return '*0\r\n';
    case 'INFO':
      return '$9\r\nloading:0\r\n';
    case 'PING':
      return '+PONG\r\n';
    case 'GET':
      return '$-1\r\n';
    case 'PTTL':
      return ':-2\r\n';
    case 'EVAL':
      if (second.includes('ZCARD')) return '*3\r\n$8\r\nadmitted\r\n:0\r\n:0\r\n';
      return second.includes('acquired') ? '$8\r\nacquired\r\n' : ':1\r\n';
    default:
      return '+OK\r\n';
  }
}

/** Reads the commands of one connection, which are arrays of strings. */
function commandReader(): (bytes: Buffer) => string[][] {
  let text = '';
  return (bytes) => {
    text += bytes.toString('latin1');
    const commands: string[][] = [];
    for (;;) {
      const head = /^\*(\d+)\r\n/.exec(text);
      if (head === null) return commands;
      let at = head[0].length;
      const words: string[] = [];
      for (let nth = 0; nth < Number(head[1]); nth += 1) {
        const size = /^\$(\d+)\r\n/.exec(text.slice(at));
        if (size === null) return commands;
        const begin = at + size[0].length;
        at = begin + Number(size[1]) + 2;
        if (text.length < at) return commands;
        words.push(text.slice(begin, at - 2));
      }
      text = text.slice(at);
      commands.push(words);
    }
  };
}
