"""A small reader of .srt files in plain Python and numpy, written from the text of spec/ alone.

It proves that the text is enough, and shows what a reader must do; it is slow and takes no care of
memory. One module per part of the text:

    fields       section 1       varints, strings, reals
    container    sections 2, 3, 5  header, chunks, index, trailer
    records      section 4       DSET, NREF, FRAM
    bits         codecs/ctx 1, 2 range coder and adaptive bits
    ctx          codecs/ctx 3, 4 coefficients of a brick
    octree       4.6             which blocks are stored
    layout       4.7, 6.1        levels, subbands, bricks
    lossless, mask, corrections  codecs/*
    transform    6.2             inverse wavelet
    networks     networks.md     records and integer arithmetic
    frame        section 6       a field from all of these
"""
