/** Three significant digits are all that these measurements carry. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  // there is no negative nothing
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2).replace(/^-(?=[0.]+$)/, '');
}

export function percent(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 100)} %`;
}

const POWERS = ['B', 'KiB', 'MiB', 'GiB'];

/** A value of an axis: sizes of bodies by powers of 1,024, all else as it is. */
export function quantity(axis: string, value: number): string {
  if (!axis.startsWith('bytes')) return value.toLocaleString('en');
  const power = value === 0 ? 0 : Math.min(POWERS.length - 1, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toLocaleString('en', { maximumFractionDigits: 1 })} ${POWERS[power]}`;
}
