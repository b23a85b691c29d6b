import { NumberError, noteNumberError } from "./number-error";
export function parseF32(ptr: usize, len: usize, shift: usize): f32 { noteNumberError(NumberError.InvalidFloat); return 0; }
export function parseF64(ptr: usize, len: usize, shift: usize): f64 { noteNumberError(NumberError.InvalidFloat); return 0; }
