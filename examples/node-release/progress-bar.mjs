// One line on a terminal; nothing where there is none.

const WIDTH = 30

export class ProgressBar {
  #stream

  constructor(stream) {
    this.#stream = stream.isTTY || process.env.PROGRESS === 'always' ? stream : undefined
  }

  show({ phase, done, total }) {
    // A download of unknown size has an infinite total.
    const share = total === 0 ? 1 : done / total
    const filled = Math.round(share * WIDTH)
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled)
    this.#stream?.write(`\r${phase.padEnd(8)} [${bar}] ${(share * 100).toFixed(0).padStart(3)} %`)
  }

  clear() {
    this.#stream?.write(`\r${' '.repeat(WIDTH + 20)}\r`)
  }
}
