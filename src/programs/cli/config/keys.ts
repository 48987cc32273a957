import { z } from 'zod';
import { fleetShape } from './shape.ts';
import type { Path } from './shown.ts';

/** The keys that the shape knows in the mapping at a path: what an unknown key may have been meant for. */
export function keysAt(path: Path): string[] {
  let shapes: z.ZodType[] = [fleetShape];
  for (const step of path) shapes = shapes.flatMap(opened).flatMap((shape) => inside(shape, step));
  return shapes.flatMap(opened).flatMap((shape) => (shape instanceof z.ZodObject ? Object.keys(shape.shape) : []));
}

function opened(shape: z.ZodType): z.ZodType[] {
  if (shape instanceof z.ZodOptional) return opened(shape.unwrap() as z.ZodType);
  return shape instanceof z.ZodUnion ? (shape.options as z.ZodType[]).flatMap(opened) : [shape];
}

function inside(shape: z.ZodType, step: string | number): z.ZodType[] {
  if (shape instanceof z.ZodArray) return [shape.element as z.ZodType];
  if (shape instanceof z.ZodRecord) return [shape.valueType as z.ZodType];
  const member = shape instanceof z.ZodObject ? (shape.shape[step] as z.ZodType | undefined) : undefined;
  return member === undefined ? [] : [member];
}
