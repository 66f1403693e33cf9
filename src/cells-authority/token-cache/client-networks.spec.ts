import { clientNetworks } from './client-networks.js';

describe('The networks of a client address', () => {
  it.each([
    '192.0.2.1',
    ' 192.0.2.1 ',
    '192.0.2.1:443',
    '192.0.2.1:',
    '[192.0.2.1]',
    '::ffff:192.0.2.1',
    '::FFFF:192.0.2.1',
    '::ffff:c000:201',
    '0:0:0:0:0:ffff:c000:0201',
    '0000:0000:0000:0000:0000:FFFF:192.0.2.1',
    '[::ffff:192.0.2.1]:8080',
    '::ffff:192.0.2.1%eth0',
    '64:ff9b::c000:201',
    '64:ff9b::192.0.2.1',
    '\t::ffff:192.0.2.1\n',
  ])('%s is 192.0.2.1', (address) => {
    expect(clientNetworks(address)).toEqual(['192.0.2.1']);
  });

  it.each([
    '2001:db8:1:2::',
    '2001:0DB8:0001:0002:aaaa:bbbb:cccc:dddd',
    '[2001:db8:1:2::1]',
    '[2001:db8:1:2::1]:443',
    '2001:db8:1:2::1%eth0',
    '2001:db8:1:2::192.0.2.1',
  ])('%s is 2001:db8:1:2::/64 and 2001:db8:1::/48', (address) => {
    expect(clientNetworks(address)).toEqual(['2001:db8:1:2::/64', '2001:db8:1::/48']);
  });

  it.each([
    ['::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['fe80::1%2', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64', '1:2:3::/48'],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64', '0:2:3::/48'],
    ['::fffe:192.0.2.1', '0:0:0:0::/64', '0:0:0::/48'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64', '1:2:3::/48'],
  ])('%s is %s and %s', (address, ...networks) => {
    expect(clientNetworks(address)).toEqual(networks);
  });

  it.each(['198.51.100.255', '10.20.30.40', '255.255.255.255', '0.0.0.1'])(
    'reads %s inside an IPv6 address',
    (ipv4) => {
      expect(clientNetworks(`::ffff:${ipv4}`)).toEqual([ipv4]);
    },
  );

  it.each([
    '',
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.1.5',
    '192.0.2.1:443:443',
    '2001:db8::1::',
    '[x]',
  ])('anything but an address, such as "%s", counts as one client', (address) => {
    expect(clientNetworks(address)).toEqual(['unknown']);
  });
});
