package org.vcpusim.check;

import java.util.stream.Collectors;
import org.vcpusim.arch.VectorBitmap;

/** How the details of violations say what is wrong with a bitmap. */
final class BitmapDifference {
    private BitmapDifference() {}

    /** What {@code actual} has too little and too much of. */
    static String of(VectorBitmap actual, VectorBitmap expected) {
        return "missing " + vectors(expected.andNot(actual)) + ", extra " + vectors(actual.andNot(expected));
    }

    private static String vectors(VectorBitmap bitmap) {
        return bitmap.vectors().mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
