package org.vcpusim.check;

import org.vcpusim.arch.VectorBitmap;

/** How the details of violations say what is wrong with a bitmap. */
final class BitmapDifference {
    private BitmapDifference() {}

    /** What {@code actual} has too little and too much of. */
    static String of(VectorBitmap actual, VectorBitmap expected) {
        return "missing " + Vectors.hex(expected.andNot(actual)) + ", extra " + Vectors.hex(actual.andNot(expected));
    }
}
