/** What Node's `util.inspect`, and with it `console.log`, asks an object to describe itself by. */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');
