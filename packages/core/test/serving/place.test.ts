/** From an address to its place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Address, parseAddress, placeOf } from '@sluice/core'

const address = (text: string): Address => {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok)
  return parsed
}

test('prefixes are /24 and /56, an IPv6 IP is its /64', () => {
  assert.deepEqual(placeOf(address('198.51.100.7:8333'), 'a'), { prefix: '198.51.100.0/24', ip: '198.51.100.7', peer: 'a', isLan: false })
  const place = placeOf(address('[2001:db8:1:2ff:3::4]:8333'), 'a', true)
  assert.deepEqual(place, { prefix: '2001:db8:1:200::/56', ip: '2001:db8:1:2ff::/64', peer: 'a', isLan: true })
  assert.equal(placeOf(address('[2001:db8:1:2ff:9::1]:1'), 'b').ip, place.ip)
})

test('a mapped address is its IPv4; strangers behind one relay share a place; loopback is not LAN by itself', () => {
  assert.equal(placeOf(address('[::ffff:198.51.100.7]:1'), 'a').ip, '198.51.100.7')
  assert.equal(placeOf(address('/memory/1'), 'a').prefix, placeOf(address('/memory/2'), 'b').prefix)
  assert.equal(placeOf(address('127.0.0.1:1'), 'a').isLan, false)
})
