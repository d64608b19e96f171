// The same types for CommonJS.

import patchcore = require('libpatchcore')

export async function update(old: string, delta: ArrayBuffer): Promise<number> {
  const chain = await patchcore.Chain.open(delta)
  const stats = await patchcore.apply(old, new DataView(delta), { out: 'new', noClobber: true })
  return stats.newSize + chain.info.links
}

export async function updateDirectory(game: string, options: patchcore.UpdateOptions): Promise<patchcore.UpdateAction> {
  return (await patchcore.updateFromPackageInfo(game, 'info.json', options)).action
}
