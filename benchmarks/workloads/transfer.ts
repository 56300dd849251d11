import { peakResidentBytes } from '../machine/proc.ts';
import { openWindow } from '../machine/window.ts';
import type { Call, PeerClient, Upload } from '../peers/peer.ts';
import { gibibyte } from './ingredients.ts';
import { ability, type Measurement, type Setting } from './measurement.ts';
import type { Transfer } from './workload.ts';

const CHUNK = 65_536;
const MEBIBYTE = 2 ** 20;

/** Moves the body to warm up and then again, each until the time is up; peak memory is that of the whole process. */
export async function measure(workload: Transfer, setting: Setting): Promise<Measurement> {
  const open = await setting.load();
  const { origins } = setting;
  const client = await open({ origins, connections: 1, headers: {}, cookies: false });
  const [origin = ''] = origins;
  const { path, direction, bytes } = workload;
  const method = direction === 'upload' ? 'POST' : 'GET';
  const call: Call = { method, origin, path, url: origin + path };
  const move =
    direction === 'upload' ? uploader(client, call, bytes) : downloader(client, call, workload);

  await repeat(move, setting.warmupMs);
  const close = openWindow(setting.surroundings);
  const times = await repeat(move, setting.measureMs);
  const usage = close();
  const moved = bytes * times;
  return {
    cost: usage.cpuMicros / 1000 / (moved / gibibyte),
    rate: (moved / MEBIBYTE / usage.wallMicros) * 1e6,
    usage,
    extra: { 'peak RSS MB': peakResidentBytes() / 1e6 },
  };
}

/** How often it was done in this time: once at least. */
async function repeat(move: () => Promise<void>, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let times = 0;
  do {
    await move();
    times++;
  } while (performance.now() < end);
  return times;
}

function downloader(client: PeerClient, call: Call, { direction, bytes }: Transfer) {
  const lent = direction === 'download-borrowed' && client.downloadBorrowed !== undefined;
  // who lends nothing is measured by what it has, so that there is something to compare with
  const download = ability(client, lent ? 'downloadBorrowed' : 'download');
  return async () => {
    const length = await download(call);
    if (length !== bytes) throw new Error(`downloaded ${length} bytes, not ${bytes}`);
  };
}

function uploader(client: PeerClient, call: Call, bytes: number) {
  const upload = ability(client, 'upload');
  const answer = `{"length":${bytes}}`.length;
  return async () => {
    const length = await upload(call, bodyOf(bytes));
    if (length !== answer) throw new Error(`an answer of ${length} bytes, not ${answer}`);
  };
}

/** The same chunk over and over: reading a file would be measured too. */
function bodyOf(length: number): Upload {
  const chunk = new Uint8Array(CHUNK).fill(120);
  return {
    length,
    async *chunks() {
      for (let sent = 0; sent < length; sent += CHUNK) yield chunk;
    },
  };
}
