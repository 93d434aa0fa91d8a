// Standard JSON from stdin, compiled by solc, to stdout; with --version behind it, what the command line compiler says.
// The folder with node_modules is the first argument; others, which name folders of sources, are for files that stdin already has.
const path = require('path');
const solc = require(path.join(path.resolve(process.argv[2]), 'node_modules', 'solc'));
if (process.argv.includes('--version')) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else {
  const chunks = [];
  process.stdin.on('data', (chunk) => chunks.push(chunk));
  process.stdin.on('end', () => process.stdout.write(solc.compile(Buffer.concat(chunks).toString('utf8'))));
}
