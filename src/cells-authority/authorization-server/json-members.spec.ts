import { locateMembers } from './json-members.js';

describe('locateMembers', () => {
  it.each([
    ['{"a":1}', ['1']],
    [' { "b" : [1,{"a":2}] , "a" : "x,y:\\"}{" } ', ['"x,y:\\"}{"']],
    ['{"a":1,"b":{"a":2},"a":3}', ['1', '3']],
    ['{"b":"a","c":["a"]}', []],
    ['{"\\u0061":-1.5e3}', ['-1.5e3']],
    ['{"a":{"a":1}}', []],
    ['{"b":{"a":1}}', []],
    ['{"b":[{"a":1}]}', []],
    ['{"b":{"c":[1]},"a":2}', ['2']],
    ['{"b":["c"],"a":2}', ['2']],
    ['{"b":"a","c":1}', []],
    ['{"a":"x","b":{}}', ['"x"']],
    ['{"a" : true , "b":1}', ['true']],
    ['{}', []],
  ])('in %s', (json, values) => {
    expect(locateMembers(json, 'a').map(({ start, end }) => json.slice(start, end))).toEqual(values);
  });
});
