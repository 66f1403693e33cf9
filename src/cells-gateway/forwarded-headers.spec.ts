import { relativeLocation } from './forwarded-headers.js';

const UPSTREAM = 'https://api.aspose.cloud';

describe('relativeLocation', () => {
  it.each([
    ['https://api.aspose.cloud/v3.0/cells/a?b=c#d', '/v3.0/cells/a?b=c#d'],
    ['https://api.aspose.cloud:443/v3.0/cells/a', '/v3.0/cells/a'],
    ['HTTPS://API.ASPOSE.CLOUD/v3.0/cells/a', '/v3.0/cells/a'],
    ['//api.aspose.cloud/v3.0/cells/a', '/v3.0/cells/a'],
    ['https://api.aspose.cloud', '/'],
    ['https://api.aspose.cloud?a=b', '/?a=b'],
    // never another host
    ['https://api.aspose.cloud//evil.example/a', '/evil.example/a'],
    ['https://api.aspose.cloud/\\evil.example/a', '/evil.example/a'],
    ['https://api.aspose.cloud\\evil.example/a', '/evil.example/a'],
  ])('turns %s into %s', (location, relative) => {
    expect(relativeLocation(location, UPSTREAM)).toBe(relative);
  });

  it.each([
    '/v3.0/cells/a',
    'a?b=c',
    'https://storage.example/a',
    'http://api.aspose.cloud/a',
    'https://api.aspose.cloud:8443/a',
    'https://api.aspose.cloud.evil.example/a',
    'https://api.aspose.cloud@evil.example/a',
    'https://[bad/a',
    '',
  ])('leaves %s as it is', (location) => {
    expect(relativeLocation(location, UPSTREAM)).toBe(location);
  });
});
