export function floatText(bits: u64, mantissaBits: u32): string { return ""; }
