'use strict';
const ms = require('ms');

// `main.js once` prints one line and ends: what the tests and the demo run.
const line = () => `up for ${ms(Math.round(process.uptime() * 1000))}, as uid ${process.getuid()}`;
if (process.argv[2] === 'once') {
  console.log(line());
} else {
  require('http').createServer((request, response) => response.end(line() + '\n')).listen(8080);
}
