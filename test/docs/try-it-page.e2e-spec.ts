import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { type RunningService, startService } from '../support/service.js';
import { startChromium } from './chromium.js';
import { installedProgram, mustRun } from './installed-program.js';

const DEEP_LINK = '/cells/#/CellsAuthorityController/PostAccessToken';
const DESKTOP = { width: 1280, height: 1000 };
const PHONE = { width: 390, height: 844 };
/** Built into Swagger UI: a button in a button, the unlabelled choice of `grant_type`, the colours of its examples. */
const SWAGGER_UI_OWN = [
  /^nested-interactive \.opblock-summary-control$/,
  /^select-name \.parameters-col_description /,
  /^color-contrast .*\.microlight /,
];
const chromium = installedProgram('chromium', 'chromium-browser', 'google-chrome');

(mustRun(chromium) ? describe : describe.skip)('the try-it page in Chromium', () => {
  let authorizationServer: OidcProvider;
  let service: RunningService;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    if (chromium === undefined) throw new Error('chromium is not installed');
    authorizationServer = await startOidcProvider();
    service = await startService({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl });
    browser = await startChromium(chromium);
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await service.close();
    await authorizationServer.close();
  });

  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });

  /** Opens the deep link in a browser of its own; scripts' errors and what the policy stops are kept as faults. */
  async function open(options: BrowserContextOptions = {}, path = DEEP_LINK): Promise<void> {
    faults = [];
    context = await browser.newContext({ viewport: DESKTOP, locale: 'en-US', ...options });
    page = await context.newPage();
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('console', (line) => {
      if (/content security policy|refused to/i.test(line.text())) faults.push(line.text());
    });
    await page.goto(service.origin + path);
    await page.locator(path === DEEP_LINK ? '.opblock.is-open .opblock-body' : '.opblock').waitFor();
  }

  const field = (name: string) =>
    page.locator(`.opblock-section-request-body tr[data-property-name="${name}"] input`).first();
  const queryField = (name: string) => page.locator(`tr[data-param-name="${name}"] input`);
  const answer = () => page.locator('.live-responses-table');

  async function execute(): Promise<{ request: { url: string; body: string; authorization: string }; text: string }> {
    const sent = page.waitForRequest((request) => request.method() === 'POST');
    await page.getByRole('button', { name: 'Execute' }).click();
    const request = await sent;
    await answer().locator('.response-col_status').first().waitFor();
    const { authorization = '' } = await request.allHeaders();
    return {
      request: { url: request.url(), body: request.postData() ?? '', authorization },
      text: await answer().innerText(),
    };
  }

  it('opens the operation by its deep link, and gets a token with the form', async () => {
    await open();
    const { clientId, clientSecret } = authorizationServer.client;
    await page.getByRole('button', { name: 'Try it out' }).click();
    await field('client_id').fill(clientId);
    await field('client_secret').fill(clientSecret);
    expect(await field('client_secret').getAttribute('type')).toBe('password');
    const { request, text } = await execute();

    expect(request.url).toBe(`${service.origin}/v4.0/cells/connect/token`);
    expect(Object.fromEntries(new URLSearchParams(request.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });
    expect(text).toContain('"access_token": "ey');
    expect(text).toMatch(/JWT exp: .*\(in 24 hours\)/);
  });

  it('keeps the secret out of its address, its history and its storage', async () => {
    await open();
    const { clientId, clientSecret } = authorizationServer.client;
    await page.getByRole('button', { name: 'Try it out' }).click();
    await field('client_id').fill(clientId);
    await field('client_secret').fill(clientSecret);
    const entries = await page.evaluate('history.length');
    await execute();

    const kept = await page.evaluate(
      'JSON.stringify([location.href, history.state, { ...localStorage }, { ...sessionStorage }, document.cookie, document.title])',
    );
    expect(kept).not.toContain(clientSecret);
    expect(kept).not.toContain(clientId);
    expect(await page.evaluate('history.length')).toBe(entries);
    await page.reload();
    await page.locator('.opblock.is-open .opblock-body').waitFor();
    expect(await page.content()).not.toContain(clientSecret);
  });

  it('gets a token with the query alone: what is left empty is not sent', async () => {
    await open();
    const { clientId, clientSecret } = authorizationServer.client;
    await page.getByRole('button', { name: 'Try it out' }).click();
    await queryField('client_id').fill(clientId);
    await queryField('client_secret').fill(clientSecret);
    expect(await queryField('client_secret').getAttribute('type')).toBe('password');
    const { request, text } = await execute();

    expect(new URL(request.url).searchParams.get('client_secret')).toBe(clientSecret);
    expect(request.body).toBe('grant_type=client_credentials');
    expect(text).toContain('"access_token": "ey');
  });

  it('gets a token with Authorize and an empty form', async () => {
    await open();
    const { clientId, clientSecret } = authorizationServer.client;
    await page.locator('.scheme-container .btn.authorize').click();
    const dialog = page.locator('.dialog-ux');
    await dialog.locator('input[type="text"]').fill(clientId);
    await dialog.locator('input[type="password"]').fill(clientSecret);
    await dialog.getByRole('button', { name: /apply credentials/i }).click();
    await dialog.locator('.btn-done').click();
    await page.getByRole('button', { name: 'Try it out' }).click();
    const { request, text } = await execute();

    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    expect(request.authorization).toBe(`Basic ${basic}`);
    expect(request.body).toBe('grant_type=client_credentials');
    expect(text).toContain('"access_token": "ey');
  });

  it.each([
    ['fr-CA', 'fr', 'Obtenir un jeton d’accès', 'Français'],
    ['ru', 'ru', 'Получить токен доступа', 'Русский'],
    ['de-DE', 'en', 'Get an access token', 'English'],
  ])('opens for a browser in %s in %s', async (locale, language, summary, name) => {
    await open({ locale });
    expect(await page.locator('.opblock-summary-description').innerText()).toBe(summary);
    expect(await page.locator('.topbar select option:checked').innerText()).toBe(name);
    expect(await page.evaluate('document.documentElement.lang')).toBe(language);
  });

  it('changes to another language when that is chosen', async () => {
    await open();
    expect(await page.locator('.topbar select option').allInnerTexts()).toEqual([
      'English',
      'Español',
      'Français',
      'Italiano',
      'Русский',
    ]);
    await page.locator('.topbar select').selectOption({ label: 'Italiano' });
    await page.getByText('Ottenere un token di accesso').first().waitFor();
    expect(await page.evaluate('document.documentElement.lang')).toBe('it');
  });

  it.each(['/cells', '/cells/', DEEP_LINK])(
    'is there again, in the language that was chosen, when %s is reloaded',
    async (path) => {
      await open({}, path);
      await page.locator('.topbar select').selectOption({ label: 'Italiano' });
      await page.getByText('Ottenere un token di accesso').first().waitFor();
      await page.reload();
      await page.getByText('Ottenere un token di accesso').first().waitFor();
      expect(await page.locator('.topbar select option:checked').innerText()).toBe('Italiano');
      await page.goto(service.origin + DEEP_LINK);
      await page.reload();
      await page.locator('.opblock.is-open .opblock-body').waitFor();
    },
  );

  it('has a title and an icon of its own, and the body before the query', async () => {
    await open();
    expect(await page.title()).toBe('PostAccessToken · Aspose.Cells Cloud');
    expect(await page.locator('link[rel="icon"]').getAttribute('href')).toMatch(/^data:image\/svg\+xml,/);
    const body = await page.locator('.opblock-section-request-body').boundingBox();
    const query = await page.locator('.opblock-body .parameters-container').boundingBox();
    expect(body?.y).toBeLessThan(query?.y ?? 0);
  });

  it('loads nothing from elsewhere, and runs no inline script', async () => {
    await open();
    const { headers } = await fetch(`${service.origin}/cells/`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    const loaded = await page.evaluate<string[]>('performance.getEntriesByType("resource").map(({ name }) => name)');
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((url) => !url.startsWith(`${service.origin}/`) && !url.startsWith('data:'))).toEqual([]);
  });

  it.each([
    ['desktop', DESKTOP],
    ['phone', PHONE],
  ])('fits a %s: nothing is wider than the screen, the token included', async (_name, viewport) => {
    await open({ viewport, isMobile: viewport === PHONE });
    const { clientId, clientSecret } = authorizationServer.client;
    await page.getByRole('button', { name: 'Try it out' }).click();
    await field('client_id').fill(clientId);
    await field('client_secret').fill(clientSecret);
    await execute();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(viewport.width);
    const token = await answer().locator('.response-col_description pre').first().boundingBox();
    expect((token?.x ?? 0) + (token?.width ?? Infinity)).toBeLessThanOrEqual(viewport.width);
    const { SCREENSHOTS: folder } = process.env;
    if (folder !== undefined) {
      await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: `${folder}/try-it-${viewport === PHONE ? 'phone' : 'desktop'}.png` });
    }
  });

  it('has no serious accessibility violation but those of Swagger UI itself', async () => {
    await open();
    await page.getByRole('button', { name: 'Try it out' }).click();
    await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const violations = await page.evaluate<string[]>(
      `axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target.join(' '))))`,
    );
    expect(violations.filter((violation) => !SWAGGER_UI_OWN.some((own) => own.test(violation)))).toEqual([]);
  });
});
