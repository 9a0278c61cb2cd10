// SPDX-License-Identifier: Apache-2.0
//
// Compares what tshark decoded (mold.txt, soup.txt) and what the npm client was acknowledged with
// what Tandem's logs hold (input.bin, merged.bin, flow.bin), byte for byte.
'use strict';
const assert = require('assert');
const fs = require('fs');
const binaryFile = require('./binary_file');

const input = binaryFile.read('input.bin');
const merged = binaryFile.read('merged.bin');
const rows = (path) => fs.readFileSync(path, 'utf8').split('\n').filter((line) => line)
  .map((line) => line.split('\t'));
const list = (field) => (field ? field.split(',') : []);
const hex = (field) => Buffer.from(field.replace(/:/g, ''), 'hex');

// MoldUDP64: the log of each port; each message in a packet is the one of that number.
const logs = { 9101: input, 9102: input, 9201: merged, 9202: merged };
const kinds = {};
const count = (kind) => { kinds[kind] = (kinds[kind] || 0) + 1; };
let messages = 0;
for (const [source, destination, session, sequence, size, numbers, data] of rows('mold.txt')) {
  assert.strictEqual(session.trim(), 'DAY1');
  const isRequest = destination === '9102' || destination === '9202';
  const isAnswer = source === '9102' || source === '9202';
  const log = logs[isAnswer ? source : destination];
  assert(log, `a packet from ${source} to ${destination}`);
  if (isRequest) {
    count('request');
    assert(Number(size) > 0 && Number(sequence) > 0);
    continue;
  }
  if (size === '0') count('heartbeat');
  else if (size === '65535') count('end of session');
  else count(isAnswer ? 'answer' : 'downstream');
  const texts = list(data);
  if (size === '0' || size === '65535') {
    assert.strictEqual(texts.length, 0);
    assert(Number(sequence) <= log.length + 1);
    if (size === '65535') assert.strictEqual(Number(sequence), log.length + 1);
    continue;
  }
  assert.strictEqual(texts.length, Number(size));
  list(numbers).forEach((number, i) => {
    assert.strictEqual(Number(number), Number(sequence) + i);
    assert(hex(texts[i]).equals(log[number - 1]), `message ${number} from ${source}`);
    ++messages;
  });
}
for (const kind of ['downstream', 'heartbeat', 'end of session', 'request', 'answer']) {
  assert(kinds[kind] > 0, `no ${kind} was captured`);
}
console.log('MoldUDP64:', kinds, messages, 'messages, as in the logs');

// SoupBinTCP: every type; the sequenced messages of the merged stream and of the input.
const types = {};
const streams = { 9001: input, 9004: merged };
let sequenced = 0;
for (const [source, , , typeList, data] of rows('soup.txt')) {
  const texts = list(data);
  for (const type of list(typeList)) {
    // A character, as tshark prints it: 0x53 or 'S'.
    const name = /^0x/.test(type) ? String.fromCharCode(parseInt(type, 16)) : type.replace(/'/g, '');
    types[name] = (types[name] || 0) + 1;
    if (name !== 'S' && name !== 'U') continue;
    const message = hex(texts.shift());
    if (name === 'U' || !streams[source]) continue;
    const number = Number(message.readBigUInt64LE(24));
    assert(message.equals(streams[source][number - 1]), `message ${number} from port ${source}`);
    ++sequenced;
  }
  assert.strictEqual(texts.length, 0);
}
for (const type of 'LAJSUHRZO+') assert(types[type] > 0, `no packet of type ${type} was captured`);
console.log('SoupBinTCP:', types, sequenced, 'sequenced messages, as in the logs');

// Acknowledgements: the header that the submission has in the input, and the digest before it.
const submitted = input.filter((message) => message.toString('latin1', 48, 56).trim() === 'U1');
const flow = binaryFile.read('flow.bin');
const acknowledgements = binaryFile.read('client-acknowledgements.bin');
assert.strictEqual(acknowledgements.length, flow.length);
assert.strictEqual(submitted.length, flow.length);
acknowledgements.forEach((acknowledgement, i) => {
  const number = Number(acknowledgement.readBigUInt64LE(24));
  assert(acknowledgement.subarray(0, 64).equals(input[number - 1].subarray(0, 64)));
  assert(submitted[i].subarray(64).equals(flow[i].subarray(64)), `payload of submission ${i + 1}`);
  const before = number === 1 ? 0x54414e44454d0001n : input[number - 2].readBigUInt64LE(0);
  assert.strictEqual(acknowledgement.readBigUInt64LE(64), before);
});
console.log(`soupbintcp (npm): ${flow.length} submissions, each once in the input as sent`);
