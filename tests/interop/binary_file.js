// SPDX-License-Identifier: Apache-2.0
//
// BinaryFILE: each message behind its length, as `tandem export binaryfile` writes it.
'use strict';
const fs = require('fs');

// The messages of a file.
exports.read = (path) => {
  const bytes = fs.readFileSync(path);
  const messages = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const size = bytes.readUInt16BE(at);
    if (size === 0) break;
    messages.push(bytes.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return messages;
};

exports.write = (path, messages) => {
  const parts = [];
  for (const message of messages) {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(message.length);
    parts.push(size, message);
  }
  parts.push(Buffer.alloc(2));
  fs.writeFileSync(path, Buffer.concat(parts));
};
