// Standard JSON from stdin, compiled by solc, to stdout.
// The folder with node_modules is the first argument.
const path = require('path');
const solc = require(path.join(path.resolve(process.argv[2]), 'node_modules', 'solc'));
const chunks = [];
process.stdin.on('data', (chunk) => chunks.push(chunk));
process.stdin.on('end', () => process.stdout.write(solc.compile(Buffer.concat(chunks).toString('utf8'))));
