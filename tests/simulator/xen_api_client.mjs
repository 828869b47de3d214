// Connects to a pool with Xen Orchestra's own client and says on standard output, one JSON object
// a line, what it sees. Arguments: URL, user, password, transport (auto, json-rpc or xml-rpc) and
// the UUID of a VM whose next change it waits for.

import { createClient } from 'xen-api'

const [url, user, password, transport, vmUuid] = process.argv.slice(2)
const say = what => process.stdout.write(JSON.stringify(what) + '\n')

const xapi = createClient({
  allowUnauthorized: true,
  auth: { user, password },
  debounce: 10,
  transport,
  url,
})

await xapi.connect()
await xapi.objectsFetched

const counts = {}
for (const object of Object.values(xapi.objects.all)) {
  counts[object.$type] = (counts[object.$type] ?? 0) + 1
}
const vm = xapi.getObjectByUuid(vmUuid)
say({
  pool: xapi.pool.name_label,
  master: xapi.pool.$master.name_label,
  counts,
  vm: { name: vm.name_label, host: vm.$resident_on?.uuid ?? null, disks: vm.$VBDs.length },
  started: vm.$metrics.start_time,
})

xapi.objects.on('update', objects => {
  const changed = objects[vmUuid]
  if (changed !== undefined) {
    say({ event: changed.name_label })
    xapi.disconnect().then(() => process.exit(0))
  }
})
