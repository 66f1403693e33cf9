import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { closedAtTheEnd } from '../support/leftovers.js';
import { type HostSetting } from './host-settings.js';

const adapters = {
  Express: () => new ExpressAdapter(),
  Fastify: () => new FastifyAdapter({ routerOptions: { ignoreDuplicateSlashes: true } }),
};

/** The HTTP platforms of Nest. */
export type HostAdapter = keyof typeof adapters;
export const hostAdapters = ['Express', 'Fastify'] as const satisfies readonly HostAdapter[];

export const adapterOf = (adapter: HostAdapter): AbstractHttpAdapter => adapters[adapter]();

/** Starts an application that imports these modules, on a free port. */
export async function startHost(
  adapter: HostAdapter,
  modules: readonly DynamicModule[],
  { options, imports = [], configure }: HostSetting = { name: 'nothing' },
): Promise<INestApplication> {
  @Module({ imports: [...modules, ...imports] })
  class Host {}
  const app = await NestFactory.create(Host, adapterOf(adapter), { logger: false, abortOnError: false, ...options });
  configure?.(app);
  await app.listen(0, '127.0.0.1');
  return closedAtTheEnd(app);
}
