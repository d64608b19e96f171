// Takes the names of what is not exported out of the binary on Linux, a sixth of it.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const home = fileURLToPath(new URL('..', import.meta.url))
if (process.platform === 'linux') {
  for (const name of readdirSync(home).filter((name) => name.endsWith('.node'))) {
    execFileSync('strip', ['--strip-all', name], { cwd: home, stdio: 'inherit' })
  }
}
