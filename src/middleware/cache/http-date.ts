const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)';
const LONG_DAY = '(?:mon|tues|wednes|thurs|fri|satur|sun)day';
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** The three forms of RFC 9110 §5.6.7, and nothing else: `Date.parse` would make a date of nearly anything. */
const FORMS: readonly RegExp[] = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} gmt$`, 'i'),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} gmt$`, 'i'),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^${DAY} ${MONTH} (?<day>[\\d ]\\d) ${TIME} (?<year>\\d{4})$`, 'i'),
];

const FIFTY_YEARS = 50;

/** The time that an HTTP-date names, in milliseconds since 1970; null where it is none. `now` tells the century of a year of two digits. */
export function httpDate(text: string | null, now: number): number | null {
  if (text === null) return null;
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const { year = '', month = '', day, hour, minute, second } = parts;
    return Date.UTC(
      year.length === 2 ? fullYear(Number(year), now) : Number(year),
      MONTHS.indexOf(month.toLowerCase()),
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
  }
  return null;
}

/** More than fifty years ahead is the century before. */
function fullYear(digits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + digits;
  return year > thisYear + FIFTY_YEARS ? year - 100 : year;
}
