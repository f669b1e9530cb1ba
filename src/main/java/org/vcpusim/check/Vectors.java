package org.vcpusim.check;

import java.util.stream.Collectors;
import org.vcpusim.arch.VectorBitmap;

/** How stories, and the sentences and details of violations, name vectors and priorities: as the kernel does. */
public final class Vectors {
    private static final int MOST = 8;

    private Vectors() {}

    /** {@code vector} as hexadecimal digits; none where it is negative. */
    public static String hex(int vector) {
        return vector < 0 ? "none" : "0x" + Integer.toHexString(vector);
    }

    /** The vectors of {@code bitmap}, the first {@value #MOST} of them. */
    static String hex(VectorBitmap bitmap) {
        int more = bitmap.cardinality() - MOST;
        String end = more > 0 ? " and " + more + " more]" : "]";
        return bitmap.vectors().limit(MOST).mapToObj(Vectors::hex).collect(Collectors.joining(", ", "[", end));
    }
}
