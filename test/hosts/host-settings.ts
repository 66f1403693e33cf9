import {
  type ArgumentsHost,
  type CallHandler,
  Catch,
  type DynamicModule,
  type ExceptionFilter,
  type INestApplication,
  type NestApplicationOptions,
  type NestInterceptor,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import helmet from 'helmet';
import { map, type Observable } from 'rxjs';
import { CellsAuthorityModule } from '../../src/cells-authority/index.js';

/** Something that an application does to all of its routes, and that must not change what a token request means. */
export interface HostSetting {
  readonly name: string;
  /** What it puts before the paths. */
  readonly prefix?: string;
  /** The host answers OPTIONS itself. */
  readonly cors?: boolean;
  readonly options?: NestApplicationOptions;
  readonly imports?: readonly DynamicModule[];
  configure?(app: INestApplication): void;
}

/** Answers everything in its own way, as applications do. */
@Catch()
class HostsOwnErrors implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: object): void } }>();
    response.status(418).send({ problem: 'of the host' });
  }
}

class Envelope implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data, ok: true })));
  }
}

const prefix: HostSetting = {
  name: 'a global prefix',
  prefix: '/api',
  configure: (app) => app.setGlobalPrefix('api'),
};
const uriVersioning: HostSetting = {
  name: 'URI versioning',
  configure: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
};
const validation: HostSetting = {
  name: 'a strict ValidationPipe',
  configure: (app) =>
    app.useGlobalPipes(
      new ValidationPipe({
        whitelist: true,
        forbidNonWhitelisted: true,
        forbidUnknownValues: true,
        transform: true,
        transformOptions: { enableImplicitConversion: true },
        validateCustomDecorators: true,
      }),
    ),
};
const filter: HostSetting = {
  name: 'a global exception filter',
  configure: (app) => app.useGlobalFilters(new HostsOwnErrors()),
};
const interceptor: HostSetting = {
  name: 'a global interceptor',
  configure: (app) => app.useGlobalInterceptors(new Envelope()),
};
const security: HostSetting = {
  name: 'helmet and CORS',
  cors: true,
  configure: (app) => {
    app.use(helmet());
    app.enableCors();
  },
};
const together = [prefix, uriVersioning, validation, filter, interceptor, security];

export const hostSettings: readonly HostSetting[] = [
  { name: 'nothing' },
  prefix,
  uriVersioning,
  {
    name: 'header versioning',
    configure: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version', defaultVersion: '2' }),
  },
  validation,
  filter,
  interceptor,
  security,
  { name: 'no body parser', options: { bodyParser: false } },
  { name: 'raw bodies', options: { rawBody: true } },
  {
    name: 'RouterModule',
    prefix: '/tenants/7',
    imports: [RouterModule.register([{ path: 'tenants/:tenant', module: CellsAuthorityModule }])],
  },
  {
    name: 'all of it',
    cors: true,
    prefix: '/api',
    configure: (app) => {
      for (const setting of together) setting.configure?.(app);
    },
  },
];
