import { HttpModule, HttpService } from '@nestjs/axios';
import { Controller, type DynamicModule, Get, Injectable, Module, Param } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { CellsApiAuthorization } from '../../src/cells-authority/index.js';

/** A feature of the host that calls the Cells API: all calls of this `HttpService` carry the application's token. */
@Injectable()
class Workbooks {
  constructor(
    private readonly http: HttpService,
    authorization: CellsApiAuthorization,
  ) {
    const { baseURL = '' } = http.axiosRef.defaults;
    authorization.attach(http, { origins: [new URL(baseURL).origin] });
  }

  async worksheets(name: string): Promise<unknown> {
    const { data } = await firstValueFrom(this.http.get<unknown>(`/v4.0/cells/${encodeURIComponent(name)}/worksheets`));
    return data;
  }
}

@Controller('workbooks')
class WorkbooksController {
  constructor(private readonly workbooks: Workbooks) {}

  @Get(':name/worksheets')
  worksheets(@Param('name') name: string): Promise<unknown> {
    return this.workbooks.worksheets(name);
  }
}

@Module({})
export class WorkbooksModule {
  /** @param cellsApi such as `https://api.aspose.cloud`. */
  static at(cellsApi: string): DynamicModule {
    return {
      module: WorkbooksModule,
      imports: [HttpModule.register({ baseURL: cellsApi, timeout: 60_000 })],
      controllers: [WorkbooksController],
      providers: [Workbooks],
      exports: [Workbooks],
    };
  }
}
