// SPDX-License-Identifier: Apache-2.0
//
// A client of the npm package soupbintcp: submits the orders in flow.bin, reads acknowledgements and
// the merged stream, breaks both connections in the middle and goes on.
//   node client.js SUBMISSIONS_PORT STREAM_PORT
'use strict';
const assert = require('assert');
const { Client } = require('soupbintcp');
const binaryFile = require('./binary_file');

const [submissionsPort, streamPort] = process.argv.slice(2).map(Number);
const HEADER = 64;
const originOf = (message) => Number(message.readBigUInt64LE(40));
const numberOf = (message) => Number(message.readBigUInt64LE(24));
const session = (text) => text.trim();

// A connection that is logged in: { client, accepted }. `onMessage` gets each sequenced message.
function logIn(port, user, requestedSequenceNumber, onMessage, requestedSession = '') {
  return new Promise((resolve, reject) => {
    const client = new Client({ port, host: '127.0.0.1' }, () =>
      client.login({ username: user, password: '', requestedSession, requestedSequenceNumber }));
    client.on('accept', (accepted) => resolve({ client, accepted }));
    client.on('reject', (rejected) => reject(new Error('rejected ' + rejected.loginRejectCode)));
    client.on('message', (message) => onMessage && onMessage(Buffer.from(message), client));
    client.on('error', (error) => {
      // The package does not know that a server may send unsequenced data: Status and Schema.
      if (!error.message.includes('Unknown packet type: 85')) reject(error);
    });
  });
}

const until = async (condition) => {
  for (const deadline = Date.now() + 60000; !condition();) {
    assert(Date.now() < deadline, 'waited in vain for ' + condition);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

async function submit() {
  const orders = binaryFile.read('flow.bin');
  const half = Math.floor(orders.length / 2);
  const acknowledgements = [];
  const collect = (message) => acknowledgements.push(message);

  const first = await logIn(submissionsPort, 'U1', 1, collect);
  assert.strictEqual(session(first.accepted.session), 'DAY1');
  assert.strictEqual(Number(first.accepted.sequenceNumber), 1);
  for (const order of orders.slice(0, half)) first.client.send(order);
  await until(() => acknowledgements.length > half / 2);
  // Gone, with some acknowledgements on their way: they are lost to us.
  first.client.end();
  const seen = acknowledgements.length;
  const kept = acknowledgements.splice(0, acknowledgements.length);
  const again = [];
  const second = await logIn(submissionsPort, 'U1', seen + 1, (message) => again.push(message));
  assert.strictEqual(Number(second.accepted.sequenceNumber), seen + 1);
  // Send again what is not acknowledged, with the numbers that it had.
  for (const order of orders.slice(seen)) second.client.send(order);
  await until(() => again.length === orders.length - seen);
  console.log(`submitted ${orders.length} orders, reconnected after ${seen} acknowledgements`);
  await new Promise((resolve) => setTimeout(resolve, 2500)); // heartbeats, both ways
  second.client.logout();
  console.log('logged out');
  return { orders, acknowledgements: kept.concat(again) };
}

async function readMerged() {
  const messages = [];
  let ended = false;
  const first = await logIn(streamPort, 'reader', 1, (message, client) => {
    if (messages.length < 500) messages.push(message);
    if (messages.length === 500) client.end();
  });
  assert.strictEqual(session(first.accepted.session), 'DAY1');
  await until(() => messages.length === 500);
  const second = await logIn(streamPort, 'reader', 501, (message) => messages.push(message), 'DAY1');
  assert.strictEqual(Number(second.accepted.sequenceNumber), 501);
  second.client.on('ending', () => { ended = true; });
  await until(() => ended);
  second.client.end();
  return messages;
}

// What a server refuses, and says so: another session, and a packet that does not belong there.
async function beRefused() {
  await assert.rejects(logIn(streamPort, 'wrong', 1, null, 'OTHER'), /rejected/);
  const { client } = await logIn(streamPort, 'rude', 1, null);
  client.send(Buffer.from('nonsense'));
  await new Promise((resolve) => client.on('end', resolve));
}

async function main() {
  const submitted = submit();
  await until(() => require('fs').existsSync('merged'));
  let merged = null;
  for (let tries = 0; merged === null; ++tries) {
    merged = await readMerged().catch((error) => {
      if (tries > 100 || !/rejected/.test(error.message)) throw error; // no session yet
      return new Promise((resolve) => setTimeout(() => resolve(null), 50));
    });
  }
  const { orders, acknowledgements } = await submitted;
  await beRefused();

  assert.deepStrictEqual(merged.map(numberOf), merged.map((_, i) => i + 1));
  binaryFile.write('client-merged.bin', merged);
  assert.deepStrictEqual(acknowledgements.map(originOf), orders.map((_, i) => i + 1));
  binaryFile.write('client-acknowledgements.bin', acknowledgements);
  console.log(`read ${merged.length} messages of the merged stream`);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
